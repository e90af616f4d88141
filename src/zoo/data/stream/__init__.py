"""ImageNet from object storage: its format, its cache and its data module."""
