"""What stands beside the product: pretraining, benchmarks, the demo and the crash test."""
