"""PMI, the pole module interface, in code: what a module and the controller say to each other."""
