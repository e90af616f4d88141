"""Images in files of any kind and size, with any classes: people's own."""
