"""What differs between Git hosts, one module each."""
