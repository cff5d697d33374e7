"""Where a team is listed: under its country, whatever competition it plays in; nations together."""

from __future__ import annotations

import re

from core.football.competitions import ACROSS

INTERNATIONAL = "International"  # stands for the country in matches between nations
_ABROAD = re.compile(r"^(?P<name>.+?)\s*\((?P<code>[A-Z]{3})\)$")

COUNTRIES = {
    "ALG": "Algeria", "ARG": "Argentina", "AUS": "Australia", "AUT": "Austria", "AZE": "Azerbaijan", "BEL": "Belgium", "BLR": "Belarus",
    "BOL": "Bolivia", "BRA": "Brazil", "BUL": "Bulgaria", "CHI": "Chile", "CHN": "China", "COL": "Colombia", "CRO": "Croatia",
    "CYP": "Cyprus", "CZE": "Czech Republic", "DEN": "Denmark", "ECU": "Ecuador", "EGY": "Egypt", "ENG": "England", "ESP": "Spain",
    "FIN": "Finland", "FRA": "France", "GER": "Germany", "GRE": "Greece", "HUN": "Hungary", "ISR": "Israel", "ITA": "Italy",
    "JPN": "Japan", "KAZ": "Kazakhstan", "KOR": "South Korea", "KSA": "Saudi Arabia", "MAR": "Morocco", "MEX": "Mexico",
    "NED": "Netherlands", "NOR": "Norway", "NZL": "New Zealand", "PAR": "Paraguay", "PER": "Peru", "POL": "Poland", "POR": "Portugal",
    "ROU": "Romania", "RSA": "South Africa", "RUS": "Russia", "SCO": "Scotland", "SRB": "Serbia", "SUI": "Switzerland",
    "SVK": "Slovakia", "SVN": "Slovenia", "SWE": "Sweden", "TUN": "Tunisia", "TUR": "Turkey", "UAE": "United Arab Emirates",
    "UKR": "Ukraine", "URU": "Uruguay", "USA": "USA", "VEN": "Venezuela",
    "MCO": "France",  # Monaco's club plays in the French league
}  # fmt: skip


def listed(country: str, name: str) -> tuple[str, str]:
    """The list in which a team is looked for, and its name there: `Arsenal FC (ENG)` of Europe is England's `Arsenal FC`.

    `country` is the competition's, or the team's own; a team with the name of its country is a nation.
    """
    if country == name:
        return INTERNATIONAL, name
    found = _ABROAD.match(name) if country in ACROSS else None
    return (COUNTRIES.get(found["code"], country), found["name"]) if found else (country, name)
