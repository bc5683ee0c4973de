"""What the tests stand on: an independent client, real servers, a bad network, a clock."""
