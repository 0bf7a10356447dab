"""Stands in for the outside world over HTTP: Meta, Twilio and a customer's receiver. Imports no room; docs/simulator.md."""
