"""What differs between the releases of Fabric, all in one place."""

from fabric_network.programs import Release

_LONG_TERM_SUPPORT = "2.5"


def has_bft(release: Release) -> bool:
    """Tell whether its orderers know BFT; all know Raft."""
    return release.name != _LONG_TERM_SUPPORT


def channel_capability(release: Release) -> str:
    """Return what a channel may ask of every node; the orderers' V2_0 and the peers' V2_5 are common to all."""
    return "V3_0" if has_bft(release) else "V2_0"


def proposal_filters(release: Release) -> tuple[str, ...]:
    """Return the checks that a peer makes on a proposal before anything else; an unknown name ends a peer."""
    common = ("DefaultAuth", "ExpirationCheck")
    return common if release.name == _LONG_TERM_SUPPORT else (*common, "TimeWindowCheck")
