"""The whole product in a browser, without an account anywhere: `headroom demo --serve`."""
