"""What can be called: providers, their models, and the operator's accounts there."""

from providers.models.connection import LIMITS as LIMITS
from providers.models.connection import TIMEOUTS as TIMEOUTS
from providers.models.connection import Connection as Connection
from providers.models.error_rule import ErrorRule as ErrorRule
from providers.models.offered import CAPABILITIES as CAPABILITIES
from providers.models.offered import Kind as Kind
from providers.models.offered import ModelList as ModelList
from providers.models.offered import ProviderModel as ProviderModel
from providers.models.provider import LoadedCatalogue as LoadedCatalogue
from providers.models.provider import Provider as Provider
from providers.models.provider import Strategy as Strategy
from providers.oauth.tables import SignIn as SignIn
from providers.oauth.tables import Token as Token
from providers.tables import Clearing as Clearing
from providers.tables import ConnectionState as ConnectionState
from providers.tables import Quota as Quota
