"""Every formula of tracer, once, in the order a person writes it."""
