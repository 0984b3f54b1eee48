"""Find API keys and tokens by the forms that their makers gave them. Knows no other kind."""

import re
from collections.abc import Iterator

from model.privacy.details import PrivateDetail

LEAST_IN_KEY = 16
"""Characters of the shortest key, without a colon or an equals sign in them."""
_LONG = re.compile(r"\S{16,}")
_FORMS = (
    r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}",  # Amazon
    r"gh[oprsu]_[A-Za-z0-9]{36,251}",  # GitHub
    r"github_pat_[A-Za-z0-9_]{22,244}",
    r"gl(?:pat|dt|rt|ptt|cbt|soat|ft|imt|agent)-[\w-]{20,100}",  # GitLab
    r"xox[abeoprs]-[A-Za-z0-9-]{10,250}",  # Slack
    r"xapp-\d-[A-Za-z0-9-]{20,250}",
    r"https://hooks\.slack\.com/(?:services|workflows)/[A-Za-z0-9/_-]{20,200}",
    r"https://(?:\w+\.)?discord(?:app)?\.com/api/(?:v\d+/)?webhooks/\d{15,20}/[\w-]{50,100}",  # Discord
    r"[MNO][A-Za-z\d_-]{22,27}\.[\w-]{6}\.[\w-]{27,45}",
    r"\d{8,10}:[A-Za-z0-9_-]{35}",  # Telegram
    r"(?:sk|pk|rk)_(?:live|test)_[A-Za-z0-9]{16,250}",  # Stripe
    r"whsec_[A-Za-z0-9+/=]{24,100}",
    r"sk-(?:ant-|proj-|svcacct-|admin-|or-v1-)?[A-Za-z0-9_-]{20,250}",  # OpenAI, Anthropic and others
    r"AIza[\w-]{35}",  # Google
    r"ya29\.[\w-]{20,500}",
    r"GOCSPX-[\w-]{20,60}",
    r"npm_[A-Za-z0-9]{36}",
    r"pypi-[\w-]{50,500}",
    r"hf_[A-Za-z0-9]{30,50}",
    r"SG\.[\w-]{16,32}\.[\w-]{30,60}",  # SendGrid
    r"(?:SK|AC)[0-9a-f]{32}",  # Twilio
    r"key-[0-9a-f]{32}",  # Mailgun
    r"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}",  # Shopify
    r"sq0(?:atp|csp)-[\w-]{22,50}",  # Square
    r"do[opr]_v1_[0-9a-f]{64}",  # DigitalOcean
    r"dapi[0-9a-f]{32}",  # Databricks
    r"lin_api_[A-Za-z0-9]{32,50}",  # Linear
    r"(?:ntn|secret)_[A-Za-z0-9]{40,60}",  # Notion
    r"dp\.(?:pt|st|ct|sa)\.[\w.]{40,60}",  # Doppler
    r"hv[bsr]\.[\w-]{24,250}",  # Vault
    r"figd_[\w-]{30,60}",  # Figma
    r"PMAK-[0-9a-f]{24}-[0-9a-f]{34}",  # Postman
    r"NRAK-[A-Z0-9]{27}",  # New Relic
    r"glsa_[A-Za-z0-9]{32}_[0-9a-f]{8}",  # Grafana
    r"AGE-SECRET-KEY-1[A-Z0-9]{58}",
    r"[xyz]prv[1-9A-HJ-NP-Za-km-z]{100,112}",  # a wallet
    r"eyJ[\w-]{8,2000}\.eyJ[\w-]{8,4000}\.[\w-]{10,1000}",  # JSON web token
    r"AccountKey=[A-Za-z0-9+/]{40,100}={0,2}",  # Azure
)
_KEY = re.compile(rf"(?<![\w-])(?:{'|'.join(_FORMS)})(?![A-Za-z0-9])")
_BEARER = re.compile(r"(?i:bearer|basic)\s+(?=[A-Za-z._~+/-]{0,100}\d)[A-Za-z0-9._~+/-]{20,2000}={0,2}")
_PRIVATE_KEY = re.compile(
    r"-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----[\s\S]{0,20000}?"
    r"(?:-----END [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----|\Z)"
)


def keys(text: str) -> Iterator[PrivateDetail]:
    """Find keys and tokens, and whole private keys."""
    for long in _LONG.finditer(text):
        for match in _KEY.finditer(text, *long.span()):
            yield PrivateDetail("key", match.start(), match.end())
    for match in _BEARER.finditer(text) if "earer " in text or "asic " in text else ():
        yield PrivateDetail("key", match.start(), match.end())
    if "PRIVATE KEY" in text:
        for match in _PRIVATE_KEY.finditer(text):
            yield PrivateDetail("key", match.start(), match.end())
