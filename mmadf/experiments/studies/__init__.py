"""Studies: several network variants, each trained with several random seeds."""
