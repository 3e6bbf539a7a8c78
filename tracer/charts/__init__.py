"""Charts: as data, laid out, drawn as SVG and TikZ."""
