"""Access: API keys, their scopes, and the secrets that Easel stores for apps."""
