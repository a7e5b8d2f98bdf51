"""Training scripts, each one flat file: `encoder` on images, `link` on cached s."""
