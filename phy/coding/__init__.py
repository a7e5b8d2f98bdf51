"""Forward error correction: CRC, segmentation, 5G LDPC, rate matching, HARQ soft buffer."""
