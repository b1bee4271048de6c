"""A video drawn anew with the boxes and emotions of its events, its faces blurred unless asked otherwise."""
