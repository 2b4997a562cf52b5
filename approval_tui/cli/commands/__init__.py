"""What each command does; a module is loaded only when one of its commands runs."""
