"""`hub token`: an access token for a client of the demo, through the real token endpoint."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import httpx
import typer

from hub.cli.console import say
from hub.cli.places import Places
from hub.clock import SystemClock
from hub.config import Settings
from hub.demo.clients import DEMO_CLIENTS, unsafe_demo_key
from hub.errors import UnavailableError
from hub.identity.assertion import request_token
from hub.identity.details import TYPE
from hub.identity.metadata import METADATA_PATH, TOKEN_PATH
from hub.loading import issuer_url

EPILOG = "Clients of the demo: " + ", ".join(client.client_id for client in DEMO_CLIENTS) + "."


def token(
    client: Annotated[str, typer.Argument(help="Id of a client of the demo.")],
    purpose: Annotated[str, typer.Option(help="Purpose code, for example LOAN_APPLICATION.")],
    subject: Annotated[list[str] | None, typer.Option(help="USCC or resident id; repeat for more.")] = None,
    consent: Annotated[
        list[str] | None, typer.Option(help="Consent id; one for all subjects, or one for each, in order.")
    ] = None,
    matter: Annotated[str, typer.Option(help="Matter code, for government purposes.")] = "",
    reference: Annotated[str, typer.Option(help="Your own file number.")] = "",
    operator: Annotated[str, typer.Option(help="Your own name for the person who asks.")] = "",
    template: Annotated[str, typer.Option(help="Fair-use template; default: the purpose's first.")] = "",
    url: Annotated[str, typer.Option(help="URL of the hub; default: by HUB_HOST and HUB_PORT.")] = "",
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Print details on stderr.")] = False,
) -> None:
    """Print an access token of a demo client.

    Nothing else goes to stdout: TOKEN=$(hub token …).
    """
    settings = Settings.from_environment()
    key = unsafe_demo_key(Places.of_demo(settings).clients, client)
    consents = list(consent or ())
    optional = {
        "consent": consents[0] if len(consents) == 1 else "",
        "consents": consents if len(consents) > 1 else [],
        "matter": matter,
        "reference": reference,
        "operator": operator,
        "template": template,
    }
    detail: dict[str, Any] = {"type": TYPE, "purpose": purpose, "subjects": list(subject or ())}
    detail |= {name: value for name, value in optional.items() if value}
    base = (url or issuer_url(settings)).rstrip("/")
    answer = asyncio.run(_ask(base, client, key, detail))
    if verbose:
        say(f"valid for {answer['expires_in']} s, for {answer.get('authorization_details')}", stderr=True)
    say(str(answer["access_token"]))


async def _ask(base: str, client: str, key: Any, detail: dict[str, Any]) -> dict[str, Any]:
    try:
        async with httpx.AsyncClient(timeout=10) as http:
            metadata = await http.get(base + METADATA_PATH)
            issuer = str(metadata.raise_for_status().json()["issuer"])
            return await request_token(
                http,
                base + TOKEN_PATH,
                unsafe_private_jwk=key,
                client_id=client,
                issuer=issuer,
                details=[detail],
                now=SystemClock().now(),
            )
    except (httpx.HTTPError, httpx.InvalidURL, KeyError, TypeError, ValueError) as error:
        raise UnavailableError(
            "There is no hub at this URL.",
            hint="Start one with `hub demo --serve` or `hub serve`, or give its URL with --url.",
            message_zh="该地址没有运行中的信用枢纽。",
        ) from error
