"""Files nobody has described yet to a study file, every choice marked for somebody to confirm."""

from ketaoutcomes.ingest.propose.profiles import Profile, profile
from ketaoutcomes.ingest.propose.roles import Role, roles
from ketaoutcomes.ingest.propose.text import proposal

__all__ = ["Profile", "Role", "profile", "proposal", "roles"]
