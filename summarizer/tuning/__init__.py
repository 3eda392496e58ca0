"""Training of adapters: what people wrote about papers becomes what a model is to write."""
