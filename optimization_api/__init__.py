"""HTTP service for buyers: best response, equilibria and the social optimum of the energy game.

The mathematics is in modules of its own that know no HTTP and calculate in kWh and currency per kWh with NumPy; what
leaves the service is rounded to the ledger's units by :mod:`~optimization_api.bid` and
:mod:`~optimization_api.allocation`.

Model: N. Yaagoubi and H. T. Mouftah, "A distributed game theoretic approach to energy trading in the smart grid".
Seller j offers a capacity C_j at a base price p_j, buyer i with the demand d_i is h_ij hops away and takes x_ij; L_j
is what all take from j and tau the fee per kWh and hop. Buyer i minimises

    c_i = sum_j x_ij (p_j (1 + L_j / C_j) + tau h_ij),  sum_j x_ij = d_i,  0 <= x_ij <= C_j - sum_(k != i) x_kj.

Everywhere a_j = p_j / C_j is a seller's slope: by how much a kWh taken from it raises its price.
"""
