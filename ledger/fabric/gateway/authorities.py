"""Whose signatures count on a channel, by its configuration, and whether a block has those that it needs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Self

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from fabric_protos.common.common_pb2 import Block, ChannelHeader, Envelope, HeaderType, Payload
from fabric_protos.common.configtx_pb2 import Config, ConfigEnvelope, ConfigGroup
from fabric_protos.msp.msp_config_pb2 import FabricMSPConfig, MSPConfig

from ledger.fabric.gateway.channel_blocks import BlockSignature, Consenters, ProvenBlock, Role, consenters_of

_ORDERERS, _MEMBERS = "Orderer", "Application"
_UNIT = x509.NameOID.ORGANIZATIONAL_UNIT_NAME


class NotVouchedFor(Exception):
    """A signature is missing, is not its signer's, or its signer is not one whose signature counts."""


@dataclass(frozen=True, slots=True)
class _Organisation:
    """Who is of an organisation: whom its authorities certified.

    Attributes
    ----------
    units
        Which unit a certificate names for a role, where the organisation tells its nodes apart like that.
    """

    issuers: tuple[x509.Certificate, ...]
    units: Mapping[Role, str]

    @classmethod
    def of(cls, found: FabricMSPConfig) -> Self:
        issuers = (*found.root_certs, *found.intermediate_certs)
        units: dict[Role, str] = {}
        if found.fabric_node_ous.enable:
            units["orderer"] = found.fabric_node_ous.orderer_ou_identifier.organizational_unit_identifier
            units["endorser"] = found.fabric_node_ous.peer_ou_identifier.organizational_unit_identifier
        return cls(tuple(map(x509.load_pem_x509_certificate, issuers)), units)

    def certifies(self, certificate: x509.Certificate, role: Role) -> bool:
        unit = self.units.get(role)
        named = {attribute.value for attribute in certificate.subject.get_attributes_for_oid(_UNIT)}
        return (not unit or unit in named) and any(_is_issued(certificate, issuer) for issuer in self.issuers)


@dataclass(frozen=True, slots=True)
class Authorities:
    """The organisations of a channel and its orderers, as one of its blocks configured them.

    Attributes
    ----------
    consenters
        Of a BFT channel; empty on a Raft channel.
    """

    consenters: Consenters
    _orderers: Mapping[str, _Organisation]
    _members: Mapping[str, _Organisation]
    _keys: dict[tuple[Role, str, str], ec.EllipticCurvePublicKey] = field(default_factory=dict)

    @classmethod
    def of(cls, config: Config) -> Self:
        """Read them from a channel's configuration."""
        groups = config.channel_group.groups
        return cls(consenters_of(config), _organisations(groups[_ORDERERS]), _organisations(groups[_MEMBERS]))

    def check(self, block: ProvenBlock) -> None:
        """Check all signatures of a block: those of its orderers, of its clients, of who endorsed.

        Which endorsers a transaction needs, its chaincode's policy says, and is not looked at. Nobody signs a channel's
        first block.

        Raises
        ------
        NotVouchedFor
        """
        for voucher in block.vouchers:
            self._check(voucher)
        if block.number == 0:
            return
        ordered_by = {voucher.certificate for voucher in block.vouchers if voucher.role == "orderer"}
        if len(ordered_by) < self._quorum:
            raise NotVouchedFor(f"{len(ordered_by)} orderers signed it, where {self._quorum} have to")
        signed = {voucher.transaction for voucher in block.vouchers if voucher.role == "client"}
        if unsigned := set(range(len(block.data))) - signed:
            raise NotVouchedFor(f"nobody signed its transaction {min(unsigned)}")

    @property
    def _quorum(self) -> int:
        """How many orderers have to sign a block.

        Of n that may lie, so many that any two such groups have an honest one in common; of those that may only fail,
        one.
        """
        n = len(self.consenters)
        return -(-(n + (n - 1) // 3 + 1) // 2) if n else 1

    def _check(self, voucher: BlockSignature) -> None:
        what = "it" if voucher.transaction is None else f"its transaction {voucher.transaction}"
        who = f"{voucher.role} of {voucher.organisation}"
        key = self._key_of(voucher)
        if key is None:
            raise NotVouchedFor(f"{what} is signed by one whom the channel does not know as {who}")
        try:
            key.verify(voucher.signature, voucher.signed, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            raise NotVouchedFor(f"{what} has a signature that is not that of the {who} whom it names") from None

    def _key_of(self, voucher: BlockSignature) -> ec.EllipticCurvePublicKey | None:
        """Return the key of a signer who may have the role, None if it may not."""
        signer = (voucher.role, voucher.organisation, voucher.certificate)
        if signer not in self._keys:
            try:
                certificate = x509.load_pem_x509_certificate(voucher.certificate.encode())
            except ValueError:
                return None
            key = certificate.public_key()
            known = any(each.certifies(certificate, voucher.role) for each in self._who_may(voucher))
            if not known or not isinstance(key, ec.EllipticCurvePublicKey):
                return None
            self._keys[signer] = key
        return self._keys[signer]

    def _who_may(self, voucher: BlockSignature) -> Iterator[_Organisation]:
        """Yield the organisation that a signer names, where it may have its role; configurations come from orderers."""
        for role, organisations in (("orderer", self._orderers), ("endorser", self._members)):
            if voucher.role in (role, "client") and voucher.organisation in organisations:
                yield organisations[voucher.organisation]


def configuration_of(block: Block) -> Config | None:
    """Return the channel's configuration that begins with a block, None if it is not about that."""
    payload = Payload.FromString(Envelope.FromString(block.data.data[0]).payload)
    if ChannelHeader.FromString(payload.header.channel_header).type != HeaderType.CONFIG:
        return None
    return ConfigEnvelope.FromString(payload.data).config


def _organisations(group: ConfigGroup) -> dict[str, _Organisation]:
    found = {}
    for own in group.groups.values():
        msp = FabricMSPConfig.FromString(MSPConfig.FromString(own.values["MSP"].value).config)
        found[msp.name] = _Organisation.of(msp)
    return found


def _is_issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True
