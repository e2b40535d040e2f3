"""How a machine is read and changed: transports, and Observer and Actor above them."""
