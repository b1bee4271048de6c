"""Face detection: YuNet, the Haar fallback, and where YuNet's model comes from."""
