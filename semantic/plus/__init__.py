"""semharq-plus: latent features, sent burst by burst against the estimate fed back."""
