"""The admin's colours."""

from __future__ import annotations

PRIMARY = {
    "50": "oklch(98.4% .014 180.7)",
    "100": "oklch(95.3% .051 180.8)",
    "200": "oklch(91% .096 180.4)",
    "300": "oklch(85.5% .138 181.1)",
    "400": "oklch(77.7% .152 181.9)",
    "500": "oklch(62% .122 184.5)",
    "600": "oklch(51.1% .096 186.4)",
    "700": "oklch(43.7% .078 188.2)",
    "800": "oklch(38.6% .063 188.4)",
    "900": "oklch(32% .053 190)",
    "950": "oklch(25% .043 192.5)",
}
"""Teal, one shade darker than usual from 500 on, so that white on 600 has a contrast of 5.4 to 1 (WCAG 2.2 AA asks for 4.5)."""
