"""The page of ``zoo demo``: the trained networks in a browser, without a server and without a request to anywhere."""
