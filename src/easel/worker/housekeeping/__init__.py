"""Background work: optimised variants, sweeps, orphaned objects, and freeing space."""
