"""What a vendor's protocol asks for and no row can say: signatures, mostly."""
