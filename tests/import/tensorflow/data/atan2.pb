
.
aPlaceholder*
dtype0*
shape:	
.
bPlaceholder*
dtype0*
shape:	

Atan2Atan2ab*
T0

yIdentityAtan2*
T0"ª