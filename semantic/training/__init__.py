"""Training: `encoder` on images; `link` and `plus` on the encoder's outputs s."""
