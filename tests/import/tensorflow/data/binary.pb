
:
aPlaceholder*
dtype0*
shape:
.
bPlaceholder*
dtype0*
shape:

addAddV2ab*
T0

subSubab*
T0

mulMulab*
T0
!
truedivRealDivab*
T0
!
MaximumMaximumab*
T0
!
MinimumMinimumab*
T0

PowPowab*
T0
5
SquaredDifferenceSquaredDifferenceab*
T0
#
floordivFloorDivab*
T0
#
FloorModFloorModab*
T0

yIdentityadd*
T0

y1Identitysub*
T0

y2Identitymul*
T0
 
y3Identitytruediv*
T0
 
y4IdentityMaximum*
T0
 
y5IdentityMinimum*
T0

y6IdentityPow*
T0
*
y7IdentitySquaredDifference*
T0
!
y8Identityfloordiv*
T0
!
y9IdentityFloorMod*
T0"ª