"""Background work: optimised variants, sweeps, orphaned objects, making room."""
