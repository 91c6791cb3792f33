"""What `maskdrop model check-data` looks for; needs neither PyTorch nor TensorFlow."""
