-- What the SDK packages do not say; see scripts/models/README.md.
return {
  ["GetBucketLocation"] = { unwrapped = true },
}
