"""The demonstration: real recordings travel through real servers, and every reading is accounted for."""
