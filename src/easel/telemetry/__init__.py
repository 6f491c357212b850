"""What apps report about themselves: logs, errors, vitals. The operations are not built yet."""
