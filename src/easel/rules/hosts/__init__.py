"""Reads the configuration files of other hosting providers (such as `vercel.json`), as far as Easel's redirect lines
and header blocks can express their rules."""
