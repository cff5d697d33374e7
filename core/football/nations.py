"""Names of national teams: how a table of matches shows that a competition is played by nations, when nothing else says so."""

from __future__ import annotations

import re

NATIONS = frozenset(
    name.strip()
    for name in """
    Afghanistan, Albania, Algeria, American Samoa, Andorra, Angola, Anguilla, Antigua and Barbuda, Argentina, Armenia, Aruba,
    Australia, Austria, Azerbaijan, Bahamas, Bahrain, Bangladesh, Barbados, Belarus, Belgium, Belize, Benin, Bermuda, Bhutan, Bolivia,
    Bosnia and Herzegovina, Bosnia-Herzegovina, Botswana, Brazil, British Virgin Islands, Brunei, Bulgaria, Burkina Faso, Burundi,
    Cambodia, Cameroon, Canada, Cape Verde, Cabo Verde, Cayman Islands, Central African Republic, Chad, Chile, China, China PR,
    Colombia, Comoros, Congo, Cook Islands, Costa Rica, Croatia, Cuba, Curaçao, Cyprus, Czech Republic, Czechia, Czechoslovakia, DR
    Congo, Denmark, Djibouti, Dominica, Dominican Republic, Ecuador, Egypt, El Salvador, England, Equatorial Guinea, Eritrea, Estonia,
    Eswatini, Ethiopia, Faroe Islands, Fiji, Finland, France, French Guiana, Gabon, Gambia, Georgia, German DR, Germany, Ghana,
    Gibraltar, Greece, Greenland, Grenada, Guadeloupe, Guam, Guatemala, Guernsey, Guinea, Guinea-Bissau, Guyana, Haiti, Honduras, Hong
    Kong, Hungary, Iceland, India, Indonesia, Iran, IR Iran, Iraq, Ireland, Isle of Man, Israel, Italy, Ivory Coast, Côte d'Ivoire,
    Jamaica, Japan, Jersey, Jordan, Kazakhstan, Kenya, Korea Republic, Kosovo, Kuwait, Kyrgyzstan, Laos, Latvia, Lebanon, Lesotho,
    Liberia, Libya, Liechtenstein, Lithuania, Luxembourg, Macau, Madagascar, Malawi, Malaysia, Maldives, Mali, Malta, Martinique,
    Mauritania, Mauritius, Mexico, Moldova, Mongolia, Montenegro, Montserrat, Morocco, Mozambique, Myanmar, Namibia, Nepal,
    Netherlands, New Caledonia, New Zealand, Nicaragua, Niger, Nigeria, North Korea, North Macedonia, Northern Ireland, Norway, Oman,
    Pakistan, Palestine, Panama, Papua New Guinea, Paraguay, Peru, Philippines, Poland, Portugal, Puerto Rico, Qatar, Republic of
    Ireland, Romania, Russia, Rwanda, Réunion, Saint Kitts and Nevis, Saint Lucia, Saint Martin, Saint Vincent and the Grenadines,
    Samoa, San Marino, Saudi Arabia, Scotland, Senegal, Serbia, Serbia and Montenegro, Seychelles, Sierra Leone, Singapore, Sint
    Maarten, Slovakia, Slovenia, Solomon Islands, Somalia, South Africa, South Korea, South Sudan, Soviet Union, Spain, Sri Lanka,
    Sudan, Suriname, Sweden, Switzerland, Syria, São Tomé and Príncipe, Tahiti, Taiwan, Chinese Taipei, Tajikistan, Tanzania,
    Thailand, Timor-Leste, Togo, Tonga, Trinidad and Tobago, Tunisia, Turkey, Türkiye, Turkmenistan, Turks and Caicos Islands, Uganda,
    Ukraine, United Arab Emirates, United States, USA, United States Virgin Islands, Uruguay, Uzbekistan, Vanuatu, Venezuela, Vietnam,
    Vietnam Republic, Wales, West Germany, Yemen, Yugoslavia, Zambia, Zanzibar, Zimbabwe
    """.replace("\n", " ").split(",")
)
_SQUAD = re.compile(r"\s*\(?\b(women|w|men|u-?\d\d)\)?$", re.IGNORECASE)


def is_nation(team: str) -> bool:
    """Whether this is a nation's name, with or without "Women" behind it."""
    return _SQUAD.sub("", team) in NATIONS
