"""Measurements, and the fit of the forecast: programs to run by hand, nothing that the bot needs."""
