"""The two papers' tables and figures, made again on any data: `simulate figures`."""
