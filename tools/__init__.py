"""Development tools beside the product: pretraining, benchmarks, the demonstration, the crash test."""
