"""What the benchmark consists of beside the peers themselves."""
