"""Weights, gradients and optimizer spread over the processes (FSDP2)."""

runner_type = 'ResumableFlexibleRunner'
strategy = dict(type='FullyShardStrategy')
