"""What a case is, and the list of all of them."""
import dataclasses
import typing


@dataclasses.dataclass
class Case:
    name: str
    run: typing.Callable
    sides: str = "s"                # "s", "r" or "sr"
    attack: str = "none"
    edit: str = "none"
    expect: dict = dataclasses.field(default_factory=dict)   # side -> rule ids
    sender: str = "Postfix"
    receiver: str = "Postfix"
    notes: str = ""
    suffix: str = ".pcap"

    def file(self, side):
        """Clean cases need one tap only, so their names carry no side."""
        return self.name + (f".{side}" if self.attack != "none" else "") + self.suffix


def every_case():
    import cases_attack
    import cases_baseline
    import cases_clean
    listed = cases_clean.CASES + cases_attack.CASES + cases_baseline.CASES
    return {c.name: c for c in listed}
