"""Nothing is stricter than moto here yet."""
