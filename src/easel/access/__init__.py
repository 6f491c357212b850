"""Access: API keys, what they may do, and the secrets Easel keeps for others."""
