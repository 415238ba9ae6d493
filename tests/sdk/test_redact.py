"""What looks like a secret does not leave the machine; what does not stays as it is."""

import hypothesis
import pytest
from hypothesis import strategies as st

from trackql import _redact
from trackql._redact import MARK

KEY = "abcDEF0123456789" * 4

SHAPES = {
    "AWS": "AKIAIOSFODNN7EXAMPLE",
    "AWS session": "ASIAIOSFODNN7EXAMPLE",
    "Google": "AIza" + KEY[:35],
    "Google OAuth": "ya29." + KEY[:30],
    "GitHub": "ghp_" + KEY[:36],
    "GitHub app": "ghs_" + KEY[:40],
    "GitHub fine": "github_pat_" + KEY[:40],
    "GitLab": "glpat-" + KEY[:20],
    "Hugging Face": "hf_" + KEY[:34],
    "OpenAI": "sk-" + KEY[:48],
    "OpenAI project": "sk-proj-" + KEY[:48],
    "Anthropic": "sk-ant-api03-" + KEY[:48],
    "Slack": "xoxb-123456789012-" + KEY[:24],
    "Stripe": "sk_live_" + KEY[:24],
    "npm": "npm_" + KEY[:36],
    "PyPI": "pypi-" + KEY,
    "SendGrid": f"SG.{KEY[:22]}.{KEY[:43]}",
    "Databricks": "dapi" + "0123456789abcdef" * 2,
    "JWT": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl",
}


@pytest.mark.parametrize("secret", SHAPES.values(), ids=SHAPES.keys())
def test_keys_are_known_by_their_shape(secret: str) -> None:
    for clean in (_redact.text, _redact.code):
        for around in ("{}", "see {} there", 'x = "{}"', "https://host/{}/path", "+f({})"):
            told = clean(around.format(secret))
            assert secret not in told
            assert MARK in told
    assert secret not in _redact.arguments(["run", secret])[1]
    assert secret not in _redact.variable("CI", secret)


def test_private_keys_go_as_a_whole() -> None:
    for kind in ("RSA ", "OPENSSH ", "EC ", "ENCRYPTED ", ""):
        block = f"-----BEGIN {kind}PRIVATE KEY-----\n{KEY}\n{KEY}\n-----END {kind}PRIVATE KEY-----"
        assert _redact.text(f"a\n{block}\nb") == f"a\n{MARK}\nb"
        assert KEY not in _redact.code(f"a\n{block[:100]}")  # cut off


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("https://me:pw@example.org/a.git", "https://example.org/a.git"),
        ("https://token@example.org/a", "https://example.org/a"),
        ("postgresql://u:p%40ss@db:5432/x", "postgresql://db:5432/x"),
        ("git@github.com:me/a.git", "git@github.com:me/a.git"),
        ("mail me@example.org", "mail me@example.org"),
        ("https://h/a?x=1&token=abc&y=2", f"https://h/a?x=1&token={MARK}&y=2"),
        ("https://h/a?X-Amz-Signature=abc", f"https://h/a?X-Amz-Signature={MARK}"),
        ("https://h/a?sig=abc#top", f"https://h/a?sig={MARK}#top"),
        ("Authorization: Bearer abc.DEF-123", f"Authorization: {MARK} {MARK}"),
        ("curl -H 'x: Basic dXNlcjpwYXNz'", f"curl -H 'x: Basic {MARK}'"),
        ("password=hunter2 next", f"password={MARK} next"),
        ("PASSWORD: hunter2", f"PASSWORD: {MARK}"),
        ('{"api_key": "abc", "b": 1}', f'{{"api_key": "{MARK}", "b": 1}}'),
        ("HF_TOKEN=abc", f"HF_TOKEN={MARK}"),
        ("aws_secret_access_key = abc/def", f"aws_secret_access_key = {MARK}"),
        ("db_password='a b c'", f"db_password='{MARK}'"),
    ],
)  # fmt: skip
def test_names_give_secrets_away(given: str, told: str) -> None:
    assert _redact.text(given).replace(f"{MARK} {MARK}", MARK) == told.replace(
        f"{MARK} {MARK}", MARK
    )


@pytest.mark.parametrize(
    "given",
    [
        "max_tokens=512",
        "num_tokens: 12",
        "tokenizer=bert",
        "token_count=7000",
        "the bearer of bad news",
        "basic training",
        "password",
        "use_auth=true",
        "loss 0.5, accuracy 0.9",
        "lr=0.1 key=value monkey=banana",
        'File "a.py", line 3, in <module>',
        "commit 0123456789abcdef0123456789abcdef01234567",
    ],
)
def test_what_is_no_secret_stays(given: str) -> None:
    assert _redact.text(given) == given
    assert _redact.code(given) == given


@pytest.mark.parametrize(
    "given",
    [
        "token = tokenizer.next()",
        "password = getpass()",
        "def login(password: str, token: str = '') -> None:",
        "api_key=os.environ['KEY']",
        "secret: Secret = load(path)",
        "self.token = token",
        "tokens = text.split()",
    ],
)
def test_code_that_only_names_a_secret_stays(given: str) -> None:
    assert _redact.code(given) == given


def test_code_that_writes_a_secret_out_loses_it() -> None:
    assert _redact.code('api_key = "abcdef123"') == f'api_key = "{MARK}"'
    assert _redact.code("{'password': 'hunter22'}") == f"{{'password': '{MARK}'}}"
    assert _redact.code("DB_PASSWORD: str = 'hunter22'") == f"DB_PASSWORD: str = '{MARK}'"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["--lr", "0.1", "--name", "x"], ["--lr", "0.1", "--name", "x"]),
        (["--api-key", "abc"], ["--api-key", MARK]),
        (["--password=abc"], [f"--password={MARK}"]),
        (["--hf_token", "abc", "--lr", "1"], ["--hf_token", MARK, "--lr", "1"]),
        (["--token", "--lr", "1"], ["--token", "--lr", "1"]),
        (["token=abc", "lr=1"], [f"token={MARK}", "lr=1"]),
        (["model.api_key=abc"], [f"model.api_key={MARK}"]),
        (["--max-tokens", "512"], ["--max-tokens", "512"]),
        (["--url", "https://a:b@h/"], ["--url", "https://h/"]),
        (["--use-auth=true"], ["--use-auth=true"]),
    ],
)
def test_command_lines(given: list[str], told: list[str]) -> None:
    assert _redact.arguments(given) == told


@hypothesis.given(st.text(max_size=300))
def test_any_text_can_be_looked_through(given: str) -> None:
    for clean in (_redact.text, _redact.code, _redact.address):
        told = clean(given)
        assert clean(told) == told  # nothing more is found in what is left


def test_long_texts_take_no_long_time() -> None:
    for given in ("a" * 200_000, "-_" * 100_000, "://" * 50_000, "token" * 40_000, "x=" * 100_000):
        _redact.text(given)
        _redact.code(given)
