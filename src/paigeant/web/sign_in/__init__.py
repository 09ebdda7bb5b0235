"""Sign-in: with a token of this server, or at an OpenID provider."""
