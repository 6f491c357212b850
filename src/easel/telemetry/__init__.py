"""The reports of apps about themselves: logs, errors, vitals. The operations are not built yet."""
