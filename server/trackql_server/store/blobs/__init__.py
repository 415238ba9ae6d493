"""Where the bytes of artifacts lie: a folder, a bucket, or what an entry point brings."""
