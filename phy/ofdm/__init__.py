"""3GPP delay-line channels over OFDM, and the receiver that estimates them."""
