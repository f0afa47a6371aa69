"""Charts as numbers: where each bar, line and label stands. Pure; `templates/charts/parts.html` draws them as SVG."""
